"""What every HTTP door shares: guards, transactions, errors, addresses, headers."""
