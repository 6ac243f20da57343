"""The words that rooms share: ids, clock, observation, flow, device, finding, errors. No I/O."""
