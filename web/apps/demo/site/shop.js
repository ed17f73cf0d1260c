// The shop's own small script. It knows of the widget only what any page may: the global Qiatan.
const cart = document.querySelector('[data-cart]')
const cards = [...document.querySelectorAll('.card')]
const search = document.querySelector('.search')
const input = search.elements.q
const none = document.querySelector('.none')

function inCart() {
  return Number(sessionStorage.getItem('shop.cart')) || 0
}

function filter() {
  const word = input.value.trim().toLowerCase()
  const category = location.hash.slice(1)
  let shown = 0
  for (const card of cards) {
    const fits = (!word || card.dataset.words.includes(word)) && (!category || card.dataset.category.split(' ').includes(category))
    card.hidden = !fits
    shown += fits ? 1 : 0
  }
  none.hidden = shown > 0
  for (const link of document.querySelectorAll('[data-category]:not(.card)')) {
    if (link.dataset.category === category) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
}

cart.textContent = String(inCart())
document.querySelector('[data-add]')?.addEventListener('click', () => {
  sessionStorage.setItem('shop.cart', String(inCart() + 1))
  cart.textContent = String(inCart())
})
document.querySelector('[data-ask]')?.addEventListener('click', () => window.Qiatan?.open())

if (cards.length > 0) {
  input.value = new URLSearchParams(location.search).get('q') ?? ''
  input.addEventListener('input', filter)
  search.addEventListener('submit', (event) => event.preventDefault())
  window.addEventListener('hashchange', filter)
  filter()
}
