// Runs before the first paint, so that a dark choice does not flash white. A file of its own: inline scripts are forbidden.
(function () {
  var theme = null
  try {
    theme = localStorage.getItem('qiatan.theme')
  } catch {
    // Storage may be closed to this page; then the system's theme holds.
    theme = null
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
})()
