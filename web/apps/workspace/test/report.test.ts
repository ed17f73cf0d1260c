import { ApiError } from '@qiatan/api'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { reportSurprise } from '../src/ui/report'

const report = vi.fn()
beforeEach(() => { vi.stubGlobal('reportError', report) })
afterEach(() => {
  vi.unstubAllGlobals()
  report.mockClear()
})

describe('failures in the background', () => {
  it.each([['not_signed_in', 401], ['network', 0], ['timeout', 0], ['view_ended', 403], ['two_factor_required', 403], ['not_allowed', 403]])('leaves %s to the page, which tells it', (code, status) => {
    reportSurprise(new ApiError({ code, message: '', status }))
    expect(report).not.toHaveBeenCalled()
  })

  it.each([new ApiError({ code: 'internal', message: '', status: 500 }), new TypeError('a bug')])('reports %s', (error) => {
    reportSurprise(error)
    expect(report).toHaveBeenCalledWith(error)
  })
})
