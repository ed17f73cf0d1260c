import { createApp } from 'vue'
import App from './App.vue'
import './panel.css'
import { listen } from './state/bridge'
import { start } from './state/chat'

listen()
start()
createApp(App).mount('#app')
