"""What a client is told about the person: by userinfo, and claims asked for one by one."""
