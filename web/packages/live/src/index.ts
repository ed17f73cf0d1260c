/**
 * @qiatan/live: the realtime client of docs/protocol.md, without a framework. Every part can be used alone.
 *
 *   const live = new LiveConnection({
 *     socketUrl: '/api/v1/socket', pollUrl: '/api/v1/poll',
 *     token: () => visitorToken,                        // visitors only
 *     headers: () => ({ 'X-Qiatan-Csrf': csrf }),       // agents: for the long-polling calls
 *     viewAs: () => viewToken,                          // agents who look as a colleague; null otherwise
 *     digestOf: () => openConversationsOfMine,          // [{id, head, version}]; compared with the server's at each heartbeat
 *   })
 *   live.on('message', (frame) => …)                    // one event per server frame type, typed
 *   live.on('state', ({ state, transport }) => …)       // 'idle' | 'connecting' | 'open' | 'lost' | 'closed'
 *   live.on('ended', ({ code }) => …)                   // signed_out, token_expired, origin_refused, view_ended, two_factor_required: no reconnect until start()
 *   live.subscribe('mine'); live.subscribe('conversation', id); live.unsubscribe('conversation', id)
 *   live.start(); live.send(frame)                      // send answers false when the line is not open: nothing is queued here
 *   live.stop()
 *   Subscriptions are remembered and made again after every reconnect, and after a digest that differs; each is answered by a `subscribed` frame.
 *
 *   const timeline = new Timeline({ conversationId, fetch: ({ after_seq, before_seq, limit }) => page, onChange })
 *   await timeline.open(head?)                          // newest page; a known head lets it begin there
 *   timeline.apply(messages)                            // frames or pages: any order, any number of times
 *   timeline.setHead(head)                              // from `subscribed` or `conversation`: what is missing is fetched
 *   timeline.items                                      // gapless, in order of seq, withdrawals applied (withdrawal rows left out)
 *   timeline.has(client_message_id), timeline.head, timeline.hasEarlier, await timeline.loadEarlier()
 *   timeline.dispose()
 *
 *   const outbox = new Outbox({
 *     scope: 'agent:' + myId,                            // storage key; one per person and channel
 *     send: (frame) => live.send(frame),
 *     upload: (file, onProgress, signal) => uploadedFile,   // throws UploadError(code, retryable)
 *     onAck: (entry, ack) => timeline.apply([messageOf(entry, ack, 'agent', myId)]),
 *     onChange: () => …,
 *   })
 *   live.on('state', ({ state }) => outbox.setOnline(state === 'open'))
 *   live.on('ack', (f) => outbox.acknowledged(f)); live.on('error', (f) => outbox.refused(f))
 *   outbox.text('你好', conversationId?); outbox.picture(file, conversationId?)   // throw OutboxFull at 200 unsent: ask outbox.full before
 *   outbox.entries                                       // oldest first; state 'sending' | 'failed', error, progress 0..1 | null
 *   outbox.retry(id); outbox.remove(id); outbox.dispose()
 *   What to draw: timeline.items, then outbox.entries whose client_message_id the timeline does not have.
 *   'sent' and 'read' are facts of the timeline: a message is read when seq <= the other side's read seq.
 *
 *   uuidv7(), Backoff, Emitter, digest(heads), uploadPicture(url, file, headers, onProgress, signal)
 */
export * from './frames'
export type * from './routing'
export * from './rich'
export { uuidv7 } from './ids'
export { Backoff } from './backoff'
export { Emitter, type Off } from './emitter'
export { digest } from './digest'
export { LiveConnection, type LiveOptions, type LiveState, type LiveEvents, type Transport } from './connection'
export { Timeline, type TimelineOptions, type PageQuery } from './timeline'
export { Outbox, OutboxFull } from './outbox'
export { messageOf, type BegunUpload, type OutboxEntry, type OutboxOptions } from './outbox-entry'
export { MemoryStorage, storageOrMemory, type KeyValueStorage } from './storage'
export { IndexedBlobStore, type BlobStore } from './blobs'
export { uploadPicture } from './upload'
export { uploadInParts, cancelUpload, type ResumableUpload } from './resumable'
export { UploadError } from './upload-error'
