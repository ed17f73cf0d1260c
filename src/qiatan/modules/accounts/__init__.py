"""Accounts: enterprises, agents, groups, sign-in and sessions.

Owns who somebody is and what their role and scope allow. Promises: an e-mail address belongs to one account of the whole
installation; secrets (passwords, session and link tokens) are stored as hashes only; answers to a wrong password, an unknown,
a disabled and a pending account cannot be told apart; nobody grants more than they hold; an enterprise never loses its last
administrator; a session that ended takes its sockets with it.

Emits: EnterpriseCreated, EnterpriseChanged, AgentChanged, GroupChanged, RoleChanged, LoginPolicyChanged, PreferencesChanged, SessionsEnded.
"""
