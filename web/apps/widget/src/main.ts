import { createApp } from 'vue'
import App from './App.vue'
import './panel.css'
import { chooseLocale, setLocale } from './i18n'
import { listen } from './state/bridge'
import { start } from './state/chat'
import { findStorage } from './state/storage'

listen()
void Promise.all([findStorage().then(start), setLocale(chooseLocale('auto', navigator.languages))]).then(() => createApp(App).mount('#app'))
