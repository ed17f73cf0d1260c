/** All that a page in this language says, in one file. */
export { default as element } from 'element-plus/es/locale/lang/zh-cn'
export { default as messages } from '.'
