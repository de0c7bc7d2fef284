#!lua name=clameur_read
redis.register_function{function_name='clameur_audit', callback=function(keys, argv) return {} end, flags={'no-writes'}}
