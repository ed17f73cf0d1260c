// Browsers keep this file for ever: change its name with its content. Runs before the first paint, so that a dark choice does not flash white. A file of its own: inline scripts are forbidden.
// Where storage is closed to this page the read throws, this script ends, and the system's theme holds.
(function () {
  const theme = localStorage.getItem('qiatan.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
})()
