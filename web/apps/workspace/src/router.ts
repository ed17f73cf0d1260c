import { createRouter, createWebHistory, START_LOCATION, type RouteLocationNormalized, type RouteRecordRaw } from 'vue-router'
import AppShell from './app/AppShell.vue'
import ConversationsPage from './conversations/ConversationsPage.vue'
import type { MessageKey } from './i18n'
import { useSession } from './stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Title of the window. */
    title?: MessageKey
    /** Reachable without a session. */
    open?: boolean
    /** Needs the room of the settings tree where the screen is narrow. */
    wide?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('./auth/SignInPage.vue'), meta: { open: true, title: 'auth.signIn.page' } },
  { path: '/sign-up', name: 'sign-up', component: () => import('./auth/SignUpPage.vue'), meta: { open: true, title: 'auth.signUp.page' } },
  { path: '/invitation', name: 'invitation', component: () => import('./auth/InvitationPage.vue'), meta: { open: true, title: 'auth.invitation.page' } },
  { path: '/forgot', name: 'forgot', component: () => import('./auth/ForgotPage.vue'), meta: { open: true, title: 'auth.forgot.page' } },
  { path: '/reset', name: 'reset', component: () => import('./auth/ResetPage.vue'), meta: { open: true, title: 'auth.reset.page' } },
  { path: '/oidc/:enterprise', name: 'oidc', component: () => import('./auth/OidcPage.vue'), meta: { open: true, title: 'auth.oidc.page' } },
  { path: '/enrol', name: 'enrol', component: () => import('./auth/EnrolPage.vue'), meta: { title: 'own.enrol.page' } },
  { path: '/away', name: 'away', component: () => import('./conversations/away/AwayPage.vue'), meta: { open: true, title: 'talk.away.page' } },
  { path: '/link', name: 'link', component: () => import('./auth/LinkPage.vue'), meta: { open: true, title: 'auth.link.page' } },
  {
    path: '/',
    component: AppShell,
    children: [
      { path: '', redirect: '/conversations' },
      { path: 'home', name: 'home', component: () => import('./home/HomePage.vue'), meta: { title: 'home.title' } },
      { path: 'onboarding', name: 'onboarding', component: () => import('./home/OnboardingPage.vue'), meta: { title: 'home.steps.title' } },
      {
        path: 'conversations/:id?',
        name: 'conversations',
        component: ConversationsPage,
        meta: { title: 'common.nav.conversations' },
      },
      {
        path: 'settings',
        component: () => import('./settings/SettingsPage.vue'),
        meta: { title: 'common.nav.settings' },
        children: [
          { path: '', name: 'settings', component: () => import('./settings/SettingsStart.vue') },
          { path: 'profile', name: 'profile', component: () => import('./settings/profile/ProfilePage.vue'), meta: { title: 'settings.tree.profile' } },
          { path: 'own-security', name: 'own-security', component: () => import('./settings/profile/OwnSecurityPage.vue'), meta: { title: 'own.page' } },
          { path: 'enterprise', name: 'enterprise', component: () => import('./settings/enterprise/EnterprisePage.vue'), meta: { title: 'settings.tree.enterprise' } },
          { path: 'agents/:id?', name: 'agents', component: () => import('./settings/people/PeoplePage.vue'), meta: { title: 'settings.tree.agents' } },
          { path: 'security', name: 'security', component: () => import('./settings/security/SecurityPage.vue'), meta: { title: 'security.tree.policy', wide: true } },
          { path: 'sso', name: 'sso', component: () => import('./settings/oidc/OidcPage.vue'), meta: { title: 'security.tree.oidc' } },
          { path: 'api-keys', name: 'api-keys', component: () => import('./settings/keys/KeysPage.vue'), meta: { title: 'security.tree.keys' } },
          { path: 'audit', name: 'audit', component: () => import('./settings/audit/AuditPage.vue'), meta: { title: 'security.tree.audit', wide: true } },
          { path: 'roles/:id?', name: 'roles', component: () => import('./settings/roles/RolesPage.vue'), meta: { title: 'settings.tree.roles', wide: true } },
          { path: 'assignment', name: 'assignment', component: () => import('./settings/assignment/AssignmentPage.vue'), meta: { title: 'assignment.title' } },
          { path: 'rules', name: 'rules', component: () => import('./settings/rules/RulesPage.vue'), meta: { title: 'service.rules.title' } },
          { path: 'queue', name: 'queue', component: () => import('./settings/queue/QueuePage.vue'), meta: { title: 'service.queue.title' } },
          { path: 'hours', name: 'hours', component: () => import('./settings/hours/HoursPage.vue'), meta: { title: 'service.hours.title' } },
          { path: 'attendance', name: 'attendance', component: () => import('./settings/attendance/AttendancePage.vue'), meta: { title: 'service.attendance.title', wide: true } },
          { path: 'replies/:place?', name: 'replies', component: () => import('./settings/replies/RepliesPage.vue'), meta: { title: 'replies.title', wide: true } },
          { path: 'tags', name: 'tags', component: () => import('./settings/tags/TagsPage.vue'), meta: { title: 'customers.tree.tags' } },
          { path: 'customer-fields', name: 'customer-fields', component: () => import('./settings/fields/FieldsPage.vue'), meta: { title: 'customers.tree.fields' } },
          { path: 'blacklist', name: 'blacklist', component: () => import('./settings/blacklist/BlacklistPage.vue'), meta: { title: 'customers.tree.blacklist', wide: true } },
          { path: 'system', name: 'system', component: () => import('./settings/system/SystemPage.vue'), meta: { title: 'system.title', wide: true } },
          { path: 'web/:id?', name: 'web', component: () => import('./settings/web/WebPage.vue'), meta: { title: 'settings.tree.web', wide: true } },
        ],
      },
      { path: ':rest(.*)*', name: 'not-found', component: () => import('./app/NotFound.vue'), meta: { title: 'common.state.notFound' } },
    ],
  },
]

export const router = createRouter({ history: createWebHistory('/app/'), routes })

router.beforeEach(async (to, from) => {
  if (from === START_LOCATION) fetchParts(to)
  if (to.meta.open) return true
  const session = useSession()
  const me = await session.load()
  if (me?.must_enrol) return to.name === 'enrol' ? true : { name: 'enrol', query: { next: to.fullPath } }
  if (me) return to.name === 'enrol' ? safeNext(to.query['next']) : true
  return { name: 'sign-in', query: to.fullPath === '/' || to.fullPath === '/conversations' ? {} : { next: to.fullPath } }
})

/** The files of the first page come while the server is asked who is signed in. One that fails is asked for again, and told of, when it is opened. */
function fetchParts(to: RouteLocationNormalized): void {
  for (const part of to.matched.flatMap((record) => Object.values(record.components ?? {}))) if (isLoader(part)) part().catch(() => undefined)
}

function isLoader(part: unknown): part is () => Promise<unknown> {
  return typeof part === 'function'
}

/** Where to go after sign-in: a path of this app and nothing else, so that a link cannot lead to a stranger's page. */
export function safeNext(next: unknown): string {
  const fallback = '/conversations'
  if (typeof next !== 'string' || !next.startsWith('/') || /[\\\s]/.test(next) || next.startsWith('//')) return fallback
  const found = router.resolve(next)
  return found.name === 'not-found' || found.name === 'enrol' || found.meta.open === true || found.matched.length === 0 ? fallback : found.fullPath
}
