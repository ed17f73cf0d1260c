import access from './access'
import assignment from './assignment'
import auth from './auth'
import common from './common'
import conversations from './conversations'
import errors from './errors'
import own from './own'
import routing from './routing'
import security from './security'
import service from './service'
import settings from './settings'

export default { access, assignment, auth, common, conversations, errors, own, routing, security, service, settings }
