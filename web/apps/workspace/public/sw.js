// The service worker of the workspace. It keeps nothing: no answers of the API, no pages. It shows push messages, leads a click to its
// conversation, and says so when there is no line.
/* global clients */
'use strict'

const WORDS = {
  'zh-CN': {
    message: (name) => name || '新消息',
    assigned: (name) => `新对话：${name}`,
    offer: (name) => `${name} 想把对话转给你`,
    mention: (name) => `${name} 在备注里提到了你`,
    nothing: '点开查看',
    offline: '没有网络',
    hint: '洽谈要联网才能用。连上网络后再试一次，没发出去的消息还在。',
    again: '再试一次',
  },
  en: {
    message: (name) => name || 'New message',
    assigned: (name) => `New conversation: ${name}`,
    offer: (name) => `${name} wants to transfer a conversation to you`,
    mention: (name) => `${name} mentioned you in a note`,
    nothing: 'Open to see it',
    offline: 'No connection',
    hint: 'Qiatan needs the network. Try again when you are connected; what was not sent is still there.',
    again: 'Try again',
  },
}

const own = () => (self.navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en')

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()))

self.addEventListener('fetch', (event) => {
  if (event.request.mode === 'navigate') event.respondWith(fetch(event.request).catch(offline))
})

function offline() {
  const language = own()
  const words = WORDS[language]
  const page = `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${words.offline}</title>
<style>body{margin:0;display:grid;place-items:center;min-height:100vh;font:15px/1.6 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans SC',sans-serif}
main{max-width:24em;padding:24px}h1{font-size:20px;margin:0 0 8px}p{margin:0 0 16px}a{color:inherit}</style></head>
<body><main><h1>${words.offline}</h1><p>${words.hint}</p><p><a href="">${words.again}</a></p></main></body></html>`
  const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  return new Response(page, { status: 503, headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy } })
}

self.addEventListener('push', (event) => {
  const told = event.data.json()
  const words = WORDS[told.locale] ?? WORDS[own()]
  const title = words[told.kind](told.name)
  // Names and texts of strangers: the system shows both as text. One notification for a conversation, the newest.
  event.waitUntil(self.registration.showNotification(title, {
    body: told.text || words.nothing,
    tag: `qiatan-${told.conversation_id}`,
    renotify: true,
    icon: '/assets/workspace/icon-1-192.png',
    badge: '/assets/workspace/badge-1-96.png',
    data: { conversation_id: told.conversation_id },
  }))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data.conversation_id))
})

async function open(id) {
  const pages = await clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages.find((one) => new URL(one.url).pathname.startsWith('/app/'))
  if (!page) return clients.openWindow(`/app/conversations/${encodeURIComponent(id)}`)
  page.postMessage({ type: 'qiatan.open', conversation_id: id })
  return page.focus()
}
