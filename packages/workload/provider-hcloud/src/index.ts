// The public names of the Hetzner Cloud provider.
