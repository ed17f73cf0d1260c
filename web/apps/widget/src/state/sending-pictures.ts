import { IndexedBlobStore } from '@qiatan/live'

export { uploadPicture } from '@qiatan/live'
export const store = new IndexedBlobStore()
