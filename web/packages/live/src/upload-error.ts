/** An upload that did not succeed: the server's code, and whether the same file may succeed later. */
export class UploadError extends Error {
  constructor(
    readonly code: string,
    readonly retryable: boolean,
  ) {
    super(code)
    this.name = 'UploadError'
  }
}
