"""Many videos: found, shared out among workers, each with a result of its own, none done twice."""
