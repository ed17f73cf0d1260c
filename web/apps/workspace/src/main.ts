import './styles/index.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router'
import { usePreferences } from './stores/preferences'
import { guardCompositions } from './ui/composing'
import { expectSessionEnds } from './ui/report'

expectSessionEnds()
guardCompositions(window)
const app = createApp(App)
app.use(createPinia())
// The texts, what the address names, and the answer to who is signed in are fetched at the same time.
const preferences = usePreferences()
app.use(router)
// Not awaited here: the file of a language takes parts from the one that this is in, and each would wait for the other.
void preferences.ready().then(() => app.mount('#app'))
