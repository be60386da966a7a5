"""Everything that crosses Kafka: types, topics, codec, ids. Pure; imports nothing of the other rooms."""
