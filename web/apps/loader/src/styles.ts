import { mix, onColor } from '@qiatan/tokens/contrast'
import type { LoaderSettings } from './settings'

export const PHONE = '(max-width: 640px)'

/** Everything lives in a shadow root: the page's rules do not reach in, ours do not reach out. */
export function css({ color, position, offsetX, offsetY, full }: LoaderSettings): string {
  const on = onColor(color)
  const side = `${position}:${offsetX}px;`
  const radius = full ? '0' : '16px 16px 0 0'
  return `:host{all:initial!important;direction:ltr!important}
*{box-sizing:border-box}
.l{position:fixed;${side}bottom:${offsetY}px;z-index:2147483001;height:56px;min-width:56px;padding:0 16px;border:0;border-radius:28px;background:${color};color:${on};box-shadow:0 2px 12px rgb(20 23 28/.22);display:flex;align-items:center;justify-content:center;gap:8px;font:600 15px/20px -apple-system,BlinkMacSystemFont,"Segoe UI","PingFang SC","Microsoft YaHei","Noto Sans SC",sans-serif;cursor:pointer;transition:background .1s;-webkit-tap-highlight-color:transparent}
.l:hover{background:${mix(color, on === '#ffffff' ? '#000000' : '#ffffff', 0.12)}}
.l:focus-visible{outline:2px solid ${on};outline-offset:-4px;box-shadow:0 0 0 2px ${color},0 2px 12px rgb(20 23 28/.22)}
svg{width:24px;height:24px;flex:none;fill:none;stroke:currentColor;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round}
.b{position:absolute;top:-3px;right:-3px;min-width:20px;height:20px;padding:0 5px;border-radius:10px;background:#cc3329;color:#fff;font-size:12px;line-height:20px;text-align:center;box-shadow:0 0 0 2px #fff}
.l[aria-expanded=true] .t,[hidden],:host([hidden]){display:none!important}
.m{position:fixed;inset:0;z-index:2147483001;background:rgb(20 23 28/.42);opacity:0;visibility:hidden;transition:opacity .15s,visibility .15s;touch-action:none}
.p{position:fixed;${side}bottom:${offsetY + 68}px;z-index:2147483002;width:380px;height:640px;max-width:calc(100vw - ${offsetX + 16}px);max-height:calc(100vh - ${offsetY + 84}px);border-radius:16px;overflow:hidden;background:#fff;box-shadow:0 0 0 1px rgb(20 23 28/.06),0 8px 24px rgb(20 23 28/.14);visibility:hidden;opacity:0;transform:translateY(8px);transition:opacity .15s,transform .15s,visibility .15s}
.o,.k{visibility:visible;opacity:1;transform:none}
.k{width:320px}
iframe{display:block;width:100%;height:100%;border:0;color-scheme:normal}
@media ${PHONE}{.p{left:0;right:0;bottom:0;width:auto;max-width:none;height:${full ? '100%' : '80%'};max-height:none;border-radius:${radius};transform:translateY(32px)}.p.o{transform:none}.p.k{left:16px;right:16px;bottom:${offsetY + 68}px;border-radius:16px;transform:none}.m.o{${full ? 'visibility:hidden' : ''}}.l[aria-expanded=true]{visibility:hidden}}
@media (min-width:641px){.m{display:none}}
@media (prefers-reduced-motion:reduce){.l,.m,.p{transition:none}}
@media print{.l,.m,.p{display:none}}`
}

/** A constructed sheet is not inline style, so the page's Content-Security-Policy has nothing against it. */
export function applyCss(root: ShadowRoot, text: string): void {
  if ('adoptedStyleSheets' in root) {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(text)
    root.adoptedStyleSheets = [sheet]
  } else {
    const style = document.createElement('style')
    style.textContent = text
    ;(root as ShadowRoot).append(style)
  }
}
