import { loadLocale, setLocale } from '../src/i18n'

// Both languages are here before a test begins, so that choosing one takes effect at once.
await Promise.all([loadLocale('en'), setLocale('zh-CN')])
