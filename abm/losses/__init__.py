"""What is bad: loss layers in order, what they own and owe, insurers and stakers, and who has paid what."""
