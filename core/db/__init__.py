"""Two databases behind one face: transactions, scopes, migrations."""
