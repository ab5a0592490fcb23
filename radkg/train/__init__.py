"""What a preset learns, stage by stage: data, model, loop and loss curve, without Ray."""
