/** All that a page in this language says, in one file. */
export { default as element } from 'element-plus/es/locale/lang/en'
export { default as messages } from '.'
export { default as places } from './places'
