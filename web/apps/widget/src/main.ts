import { createApp } from 'vue'
import App from './App.vue'
import './panel.css'
import { chooseLocale, setLocale } from './i18n'
import { listen } from './state/bridge'
import { start } from './state/chat'

listen()
start()
void setLocale(chooseLocale('auto', navigator.languages)).then(() => createApp(App).mount('#app'))
