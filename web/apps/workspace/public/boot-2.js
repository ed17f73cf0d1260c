// Browsers keep this file for ever: change its name with its content. A file of its own: inline scripts are forbidden.
// Where storage is closed to this page the read throws, this script ends, and the system's theme holds.
(function () {
  // Before the first paint, so that a dark choice does not flash white.
  const theme = localStorage.getItem('qiatan.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme

  // The texts of the language that will be spoken; which one that is, i18n/index.ts decides by the same rules.
  const stored = localStorage.getItem('qiatan.locale')
  const first = navigator.languages.map((one) => one.toLowerCase()).find((one) => one.startsWith('zh') || one.startsWith('en'))
  const spoken = stored === 'zh-CN' || stored === 'en' ? stored : first && first.startsWith('en') ? 'en' : 'zh-CN'
  const texts = document.currentScript.dataset[spoken === 'en' ? 'en' : 'zh']
  for (const href of texts ? texts.split(' ') : []) {
    const link = document.createElement('link')
    link.rel = 'modulepreload'
    link.href = href
    document.head.append(link)
  }

  // What the conversations ask for first is on its way while the code that asks comes and is read (api.ts). Whoever looks as a colleague asks with a ticket.
  const page = /^\/app\/(?:conversations(?:\/([0-9a-f-]{36}))?)?$/.exec(location.pathname)
  if (!page || location.hash.includes('view=') || sessionStorage.getItem('qiatan.view') !== null) return
  const early = (window.qiatanEarly = new Map())
  const ask = (path) => {
    const url = `/api/v1${path}`
    const answer = fetch(url, { headers: { Accept: 'application/json' }, cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(20_000) })
    // Without an answer it is asked again, and told of, by whoever needs it. Read at once: later its text would wait behind the drawing.
    early.set(url, answer.then(async (response) => ({ response, text: await response.text() })).catch(() => null))
  }
  ask('/me')
  if (page[1]) {
    ask(`/conversations/${page[1]}`)
    ask(`/conversations/${page[1]}/messages?limit=50&before_seq=2000000000`)
  }
  ask('/conversations?view=mine&limit=50')
})()
