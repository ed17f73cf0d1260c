export { cancelUpload, uploadInParts } from '@qiatan/live'
