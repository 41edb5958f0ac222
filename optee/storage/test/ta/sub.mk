global-incdirs-y += . ../include
cppflags-y += -I$(SQL)
cflags-y += -Wall -Wextra -O2 -Wno-unused-parameter -Wno-switch-default -Wno-cast-function-type
srcs-y += main.c
srcs-y += anchor.c
srcs-y += platform.c
srcs-y += timed.c
