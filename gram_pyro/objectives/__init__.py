"""What training minimises: each an ELBO over Pyro sites, one a file."""
