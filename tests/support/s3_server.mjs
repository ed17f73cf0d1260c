// A server that speaks S3, on loopback: node s3_server.mjs '{"port": …, "directory": …, "web": …}'. Says `ready` when it answers.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const { port, directory, web } = JSON.parse(process.argv[2])
const S3rver = createRequire(join(web, 'package.json'))('s3rver')
const server = new S3rver({ port, address: '127.0.0.1', silent: true, directory, vhostBuckets: false, configureBuckets: [{ name: 'qiatan-files' }] })
await server.run()
console.log('ready')
