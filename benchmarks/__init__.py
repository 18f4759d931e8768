"""What we claim about speed, runnable: `./scripts/bench` lists them."""
