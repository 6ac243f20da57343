"""Who may come in and what they may do: the table of ways, the guard, log-in, sessions, tokens, passkeys, approvals."""
