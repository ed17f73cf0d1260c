import './styles/index.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'
import { usePreferences } from './stores/preferences'
import { expectSessionEnds } from './ui/report'

expectSessionEnds()
const app = createApp(App)
app.use(createPinia())
usePreferences()
app.use(i18n)
app.use(router)
app.mount('#app')
