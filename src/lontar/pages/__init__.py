"""What pages for people are made of: shell, style sheet and policy, fonts per script, numbers, tokens as boxes."""
