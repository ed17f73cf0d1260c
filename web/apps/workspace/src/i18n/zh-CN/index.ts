import access from './access'
import auth from './auth'
import common from './common'
import conversations from './conversations'
import errors from './errors'
import own from './own'
import security from './security'
import settings from './settings'

export default { access, auth, common, conversations, errors, own, security, settings }
