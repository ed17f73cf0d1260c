/** What the viewer itself says: few words, in both languages. */
const WORDS = {
  'zh-CN': {
    title: '文件预览',
    failed: '无法预览这个文件。请关闭后重新打开，或下载到本机查看。',
    locked: '这个 PDF 有密码，请下载到本机查看。',
    page: '第 {page} 页，共 {count} 页',
    larger: '放大',
    smaller: '缩小',
    first: '已显示前 {count} 页，其余请下载查看。',
  },
  en: {
    title: 'File preview',
    failed: 'This file cannot be shown. Close it and open it again, or download it.',
    locked: 'This PDF has a password. Download it to read it.',
    page: 'Page {page} of {count}',
    larger: 'Zoom in',
    smaller: 'Zoom out',
    first: 'The first {count} pages are shown. Download the file for the rest.',
  },
} as const

export type Word = keyof (typeof WORDS)['en']

export function wordsOf(language: string | null): (word: Word, values?: Record<string, number>) => string {
  const known = WORDS[language === 'en' ? 'en' : 'zh-CN']
  return (word, values = {}) => known[word].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
