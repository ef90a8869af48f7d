"""How a trained model answers: drawing trajectories, choosing among answers, and measuring them."""
