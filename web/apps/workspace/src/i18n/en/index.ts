import auth from './auth'
import common from './common'
import conversations from './conversations'
import errors from './errors'
import settings from './settings'

export default { auth, common, conversations, errors, settings }
