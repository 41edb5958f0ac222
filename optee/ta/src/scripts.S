/* SPDX-License-Identifier: Apache-2.0 */
/* The measured file and its host, as read-only data; each ends with a zero byte that is not counted. */
	.macro	script name, file
	.global	\name
	.global	\name\()_end
	.balign	8
\name:
	.incbin	"\file"
\name\()_end:
	.byte	0
	.endm

	.section .rodata.scripts, "a"
	script	script_application, "trusted-application.mjs"
	script	script_host, "host.mjs"
	.section .note.GNU-stack, "", %progbits
