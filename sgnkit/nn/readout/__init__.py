"""From spikes to class scores."""
