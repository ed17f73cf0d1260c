import type { SimulatedOutcome } from '@qiatan/api'
import type { BarSeriesOption } from 'echarts/charts'
import type { GridComponentOption, TooltipComponentOption } from 'echarts/components'
import type { ComposeOption } from 'echarts/core'
import { t } from '../../i18n'

export type WaitOption = ComposeOption<BarSeriesOption | GridComponentOption | TooltipComponentOption>

/** Upper ends of the buckets in seconds, as the server counts them: none, up to each, and longer. */
export const BUCKETS = [10, 30, 60, 120, 300, 600] as const

export function spanText(seconds: number): string {
  return seconds < 60 ? t('assignment.sim.seconds', { count: seconds }) : t('assignment.sim.minutesShort', { count: seconds / 60 })
}

export function bucketNames(): string[] {
  return [t('assignment.sim.bucket0'), ...BUCKETS.map((end) => t('assignment.sim.bucket', { text: spanText(end) })), t('assignment.sim.bucketMore')]
}

/** A wait in words short enough for a table: 0 秒, 42 秒, 3.5 分. */
export function waitText(seconds: number): string {
  return seconds < 60 ? t('assignment.sim.seconds', { count: Math.round(seconds) }) : t('assignment.sim.minutesShort', { count: Math.round(seconds / 6) / 10 })
}

export interface Colors {
  before: string
  after: string
  text: string
  line: string
  grid: string
  raised: string
  strong: string
  font: string
}

/** The page's own colours, as they are in light or dark at this moment. */
export function colorsOf(root: Element): Colors {
  const style = getComputedStyle(root)
  const read = (name: string): string => style.getPropertyValue(name).trim()
  return {
    before: read('--chart-2'), after: read('--chart-1'), text: read('--c-text-3'), line: read('--c-line-strong'), grid: read('--chart-grid'),
    raised: read('--c-raised'), strong: read('--c-text'), font: read('--font'),
  }
}

/** Bars side by side: how many waited how long, before and after. */
export function waitOption(before: SimulatedOutcome, after: SimulatedOutcome, colors: Colors): WaitOption {
  const text = { color: colors.text, fontSize: 12, fontFamily: colors.font }
  const bars = (name: string, data: number[], color: string): BarSeriesOption => ({
    type: 'bar', name, data, color, barGap: '10%', barCategoryGap: '28%', itemStyle: { borderRadius: [2, 2, 0, 0] },
  })
  return {
    animation: false,
    textStyle: text,
    grid: { left: 8, right: 8, top: 12, bottom: 4, containLabel: true },
    // Drawn into the picture: a box of markup would bring styles along that the page's policy forbids.
    tooltip: { trigger: 'axis', renderMode: 'richText', axisPointer: { type: 'shadow' }, backgroundColor: colors.raised, borderColor: colors.line, textStyle: { ...text, color: colors.strong } },
    xAxis: { type: 'category', data: bucketNames(), axisLine: { lineStyle: { color: colors.line } }, axisTick: { show: false }, axisLabel: { ...text, hideOverlap: true } },
    yAxis: { type: 'value', minInterval: 1, splitLine: { lineStyle: { color: colors.grid } }, axisLabel: text },
    series: [bars(t('assignment.sim.before'), before.waits, colors.before), bars(t('assignment.sim.after'), after.waits, colors.after)],
  }
}
