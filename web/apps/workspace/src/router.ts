import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { MessageKey } from './i18n'
import { useSession } from './stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Title of the window. */
    title?: MessageKey
    /** Reachable without a session. */
    open?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('./auth/SignInPage.vue'), meta: { open: true, title: 'auth.signIn.page' } },
  { path: '/sign-up', name: 'sign-up', component: () => import('./auth/SignUpPage.vue'), meta: { open: true, title: 'auth.signUp.page' } },
  { path: '/invitation', name: 'invitation', component: () => import('./auth/InvitationPage.vue'), meta: { open: true, title: 'auth.invitation.page' } },
  { path: '/link', name: 'link', component: () => import('./auth/LinkPage.vue'), meta: { open: true, title: 'auth.link.page' } },
  {
    path: '/',
    component: () => import('./app/AppShell.vue'),
    children: [
      { path: '', redirect: '/conversations' },
      {
        path: 'conversations/:id?',
        name: 'conversations',
        component: () => import('./conversations/ConversationsPage.vue'),
        meta: { title: 'common.nav.conversations' },
      },
      {
        path: 'settings',
        component: () => import('./settings/SettingsPage.vue'),
        meta: { title: 'common.nav.settings' },
        children: [
          { path: '', name: 'settings', component: () => import('./settings/SettingsStart.vue') },
          { path: 'profile', name: 'profile', component: () => import('./settings/profile/ProfilePage.vue'), meta: { title: 'settings.tree.profile' } },
          { path: 'enterprise', name: 'enterprise', component: () => import('./settings/enterprise/EnterprisePage.vue'), meta: { title: 'settings.tree.enterprise' } },
          { path: 'agents/:id?', name: 'agents', component: () => import('./settings/people/PeoplePage.vue'), meta: { title: 'settings.tree.agents' } },
          { path: 'web/:id?', name: 'web', component: () => import('./settings/web/WebPage.vue'), meta: { title: 'settings.tree.web' } },
        ],
      },
      { path: ':rest(.*)*', name: 'not-found', component: () => import('./app/NotFound.vue'), meta: { title: 'common.state.notFound' } },
    ],
  },
]

export const router = createRouter({ history: createWebHistory('/app/'), routes })

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const session = useSession()
  const me = await session.load()
  if (me) return true
  return { name: 'sign-in', query: to.fullPath === '/' || to.fullPath === '/conversations' ? {} : { next: to.fullPath } }
})

/** Where to go after sign-in: a path of this app and nothing else, so that a link cannot lead to a stranger's page. */
export function safeNext(next: unknown): string {
  const fallback = '/conversations'
  if (typeof next !== 'string' || !next.startsWith('/') || /[\\\s]/.test(next) || next.startsWith('//')) return fallback
  const found = router.resolve(next)
  return found.name === 'not-found' || found.meta.open === true || found.matched.length === 0 ? fallback : found.fullPath
}
