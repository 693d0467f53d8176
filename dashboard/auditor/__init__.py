"""Whether everything holds: the services' own ledgers, compared with the read model."""
