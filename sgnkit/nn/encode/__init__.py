"""From real-valued input to spikes."""
