global-incdirs-y += . include libc src
cppflags-y += -include build_config.h -I$(ENGINE) -Wa,-I$(SCRIPTS)
cflags-y += -Wall -Wextra -O2 -Wno-unused-parameter -Wno-switch-default -Wno-cast-function-type
srcs-y += src/main.c
srcs-y += src/engine.c
srcs-y += src/native.c
srcs-y += src/native_crypto.c
srcs-y += src/native_platform.c
srcs-y += src/platform.c
srcs-y += src/attestation.c
srcs-y += src/curves.c
srcs-y += src/libc.c
srcs-y += src/scripts.S
ifneq ($(SQL),)
cppflags-y += -I$(SQL) -DTH_WITH_STORAGE
srcs-y += src/native_sql.c
endif
