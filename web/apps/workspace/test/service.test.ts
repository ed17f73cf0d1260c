import type { DelayedStep, ExceptionalDay, Grading, Hours, Interval } from '@qiatan/api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hoursOf, length, rangeFault, shift } from '../src/settings/attendance/range'
import { dayFault, minutesOf, nextInterval, readClock, span, standardWeek, weekFault } from '../src/settings/hours/clock'
import { isDay, merge, weekdayOf, yearsOf } from '../src/settings/hours/days'
import { openLine, readingFault, weekdayName } from '../src/settings/hours/words'
import { endFault } from '../src/settings/rules/ends'
import { example, gradeFault, gradeOf } from '../src/settings/rules/grades'
import { marks, nextStep, stepFaults } from '../src/settings/rules/steps'


const steps = (...seconds: number[]): DelayedStep[] => seconds.map((one) => ({ seconds: one, group_id: null }))

describe('steps of delayed transfer', () => {
  it.each([
    [[11, 12, 179], [null, null, null]],
    [[10], ['要晚于 10 秒：客服需要时间回复']],
    [[180], ['要早于 180 秒']],
    [[60, 60], [null, '第 2 次要晚于第 1 次（60 秒）']],
    [[60, 30, 20], [null, '第 2 次要晚于第 1 次（60 秒）', '第 3 次要晚于第 2 次（30 秒）']],
    [[Number.NaN, 20], ['请填写整数秒', null]],
    [[12.5], ['请填写整数秒']],
  ])('%s: %s', (seconds, faults) => {
    expect(stepFaults(steps(...seconds))).toEqual(faults)
  })

  it('are right exactly where 10 < N1 < N2 < N3 < 180', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -5, max: 200 }), { minLength: 1, maxLength: 3 }), (seconds) => {
      const right = seconds.every((one, i) => one > (seconds[i - 1] ?? 10) && one < 180 && one > 10)
      expect(stepFaults(steps(...seconds)).every((fault) => fault === null)).toBe(right)
    }))
  })

  it('get a next one that is right after right ones, until there is no room', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 11, max: 179 }), { maxLength: 2 }), (seconds) => {
      const present = steps(...seconds.sort((a, b) => a - b))
      const next = nextStep(present)
      if (next) expect(stepFaults([...present, next])).toEqual(present.map(() => null).concat(null))
      else expect(present.at(-1)?.seconds).toBe(179)
    }))
    expect(nextStep(steps(20, 40, 60))).toBeNull()
  })

  it('stand in the picture at their time, each label on a line of its own', () => {
    expect(marks(steps(45, 90, Number.NaN))).toEqual([
      { at: 25, seconds: 45, number: 1, line: 1 },
      { at: 50, seconds: 90, number: 2, line: 0 },
    ])
  })
})

const grading: Grading = { enabled: true, gold: { customer: 10, agent: 10 }, silver: { customer: 5, agent: 5 }, bronze: { customer: 3, agent: 3 } }

describe('grades', () => {
  it('need both counts', () => {
    expect([gradeOf(grading, 10, 10), gradeOf(grading, 100, 9), gradeOf(grading, 3, 3), gradeOf(grading, 2, 50)]).toEqual(['gold', 'silver', 'bronze', null])
  })

  it('are wrong where a better one is easier on one side, or a count is none', () => {
    expect(gradeFault(grading)).toBeNull()
    expect(gradeFault({ ...grading, gold: { customer: 4, agent: 10 } })).toEqual({ level: 'gold', side: 'customer', kind: 'order' })
    expect(gradeFault({ ...grading, bronze: { customer: 3, agent: 0 } })).toEqual({ level: 'bronze', side: 'agent', kind: 'range' })
    expect(gradeFault({ ...grading, silver: { customer: Number.NaN, agent: 5 } })).toEqual({ level: 'silver', side: 'customer', kind: 'range' })
    expect(gradeFault({ ...grading, silver: grading.gold })).toBeNull()
  })

  it('have an example that says what the thresholds make of it', () => {
    expect(example(grading)).toEqual({ customer: 9, agent: 12, grade: 'silver' })
  })
})

describe('the automatic end', () => {
  it('is never, or after 1 to 1,440 whole minutes', () => {
    expect([null, 1, 1_440].map((minutes) => endFault({ minutes, warn: false }))).toEqual([false, false, false])
    expect([0, 1_441, 1.5, Number.NaN].map((minutes) => endFault({ minutes, warn: false }))).toEqual([true, true, true, true])
  })
})

const day = (...spans: string[]): Interval[] => spans.map((one) => ({ start: one.split('-')[0] ?? '', until: one.split('-')[1] ?? '' }))

describe('times of day', () => {
  it.each([['9', '09:00'], ['930', '09:30'], ['9:05', '09:05'], ['9：30', '09:30'], ['9时', '09:00'], ['24:00', '24:00'], ['24:01', null], ['9:60', null], ['', null], ['x', null]])('read %s as %s', (typed, clock) => {
    expect(readClock(typed)).toBe(clock)
  })

  it('are minutes since midnight', () => {
    expect([minutesOf('00:00'), minutesOf('13:30'), minutesOf('24:00'), minutesOf('24:30'), minutesOf('9')]).toEqual([0, 810, 1_440, null, null])
  })

  it.each([
    [day('09:00-12:00', '12:00-18:00'), null],
    [day('09:00-09:00'), { kind: 'order', index: 0 }],
    [day('22:00-06:00'), { kind: 'order', index: 0 }],
    [day('09:00-12:00', '11:59-18:00'), { kind: 'overlap', index: 1 }],
    [day('13:00-18:00', '09:00-12:00'), { kind: 'overlap', index: 1 }],
    [day('09:00-x'), { kind: 'time', index: 0 }],
    [day('24:00-24:00'), { kind: 'time', index: 0 }],
    [day('01:00-02:00', '02:00-03:00', '03:00-04:00', '04:00-05:00', '05:00-06:00', '06:00-07:00', '07:00-08:00'), { kind: 'many', index: 6 }],
  ])('of a day: %j', (intervals, fault) => {
    expect(dayFault(intervals)).toEqual(fault)
  })

  it('get a next one that fits, until the day is full', () => {
    let present: Interval[] = []
    for (let next = nextInterval(present); next; next = nextInterval(present)) {
      present = [...present, next]
      expect(dayFault(present)).toBeNull()
    }
    expect(present).toEqual(day('09:00-18:00', '19:00-23:00'))
  })

  it('are drawn where they lie', () => {
    expect(span({ start: '06:00', until: '12:00' })).toEqual({ left: 25, width: 25 })
    expect(span({ start: '12:00', until: '06:00' })).toBeNull()
  })

  it('begin as a common week', () => {
    expect(weekFault(standardWeek())).toBe(false)
    expect(standardWeek().map((one) => one.length)).toEqual([1, 1, 1, 1, 1, 0, 0])
  })
})

const off = (when: string, name = '国庆节'): ExceptionalDay => ({ day: when, open: false, name, intervals: null })

describe('exceptional days', () => {
  it('are days of the calendar', () => {
    expect(['2026-10-01', '2026-02-30', '2026-1-1', ''].map(isDay)).toEqual([true, false, false, false])
    expect(weekdayOf('2026-11-23')).toBe(0)
    expect(weekdayName(weekdayOf('2026-10-10'))).toBe('周六')
  })

  it('of a file win over those there are, and are counted', () => {
    const found = merge([off('2026-10-01'), off('2026-10-03')], [off('2026-10-02'), off('2026-10-01', '国庆'), off('2026-10-03')])
    expect(found.days.map((one) => [one.day, one.name])).toEqual([['2026-10-01', '国庆'], ['2026-10-02', '国庆节'], ['2026-10-03', '国庆节']])
    expect([found.added.map((one) => one.day), found.changed.map((one) => one.day), found.same]).toEqual([['2026-10-02'], ['2026-10-01'], 1])
  })

  it('are shown by year, the present one among them', () => {
    expect(yearsOf([off('2025-10-01'), off('2025-10-02')], 2026)).toEqual([2026, 2025])
  })

  it('that could not be read are explained in the reader’s language', () => {
    const fault = (code: string, found = '') => ({ line: 2, code, message: 'Something new.', found })
    expect(readingFault(fault('no_date', '2026-13-01'))).toBe('「2026-13-01」不是日期，请写成 2026-10-01')
    expect(readingFault(fault('not_three'))).toBe('要有三项：日期、off 或 work、名称')
    expect(readingFault(fault('unheard_of'))).toBe('Something new.')
  })
})

describe('the line that says whether it is working time', () => {
  const hours = (part: Partial<Hours>): Hours => ({
    settings: { enabled: true, week: standardWeek(), exceptions: [], groups: [], outside: 'message' }, version: 1, timezone: 'Asia/Shanghai', open_now: true, changes_at: null, ...part,
  })
  const now = Date.parse('2026-11-20T06:00:00Z')

  it('names the next change as the enterprise’s clock shows it', () => {
    expect(openLine(hours({ changes_at: '2026-11-20T10:00:00Z' }), now)).toBe('到今天 18:00')
    expect(openLine(hours({ open_now: false, changes_at: '2026-11-21T01:00:00Z' }), now)).toBe('明天 09:00 开始')
    expect(openLine(hours({ open_now: false, changes_at: '2026-11-23T01:00:00Z' }), now)).toBe('11 月 23 日 09:00 开始')
    expect(openLine(hours({ open_now: false }), now)).toBe('之后没有工作时间')
  })
})

describe('the range of the attendance', () => {
  it('holds 1 to 31 days', () => {
    expect(rangeFault('2026-10-01', '2026-10-31')).toBeNull()
    expect(rangeFault('2026-10-01', '2026-11-01')).toBe('long')
    expect(rangeFault('2026-10-02', '2026-10-01')).toBe('order')
    expect(rangeFault('', '2026-10-01')).toBe('incomplete')
    expect(length('2026-02-28', '2026-03-01')).toBe(2)
    expect(shift('2026-03-01', -1)).toBe('2026-02-28')
  })

  it('counts a part of a minute as one', () => {
    expect([hoursOf(0), hoursOf(1), hoursOf(3_600), hoursOf(25_000)]).toEqual([
      { hours: 0, minutes: 0 }, { hours: 0, minutes: 1 }, { hours: 1, minutes: 0 }, { hours: 6, minutes: 57 },
    ])
  })
})
