/*
 * The session protocol (docs/protocol/05-sessions.md) between two runs of honest clients and two runs of the trusted
 * application, with everything in between in the hands of the host (Dolev and Yao): it sees, drops, repeats, reorders and
 * makes every message that it has the keys for, and it has the keys of one registered client (Eve) and of one registered
 * server (Rogue). What is left out: docs/protocol/model/README.md.
 *
 *   shares     0, 1 of the client runs, 2, 3 of the server runs, HOST_SHARE the host's own
 *   KEM keys   0, 1 of the client runs, HOST_KEM the host's own; a ciphertext has the number of the server run that made it
 *   T1         (share and KEM key of the hello, server, share and ciphertext of the core): compared, not computed
 *
 * A message is never sent anywhere: a receiver takes any message that the host can have at that moment.
 *
 * Variants (-D…):
 *   PAPER                  the exchange of the paper's Figure 2: sign A and B, nothing else
 *   NO_CLIENT_BINDING      the finish is in the clear and has no MAC
 *   NO_EVIDENCE            the client does not look at the evidence
 *   STALE_EVIDENCE         the evidence is not bound to T1
 *   X25519_BROKEN, KEM_BROKEN   the host knows every secret of that kind
 *   IDENTITY_KEY_LEAKED    the host has the identity key of the server, and not its platform's key
 *   CLIENT_KEY_LEAKED      the host has Alice's signing key: her own view must still hold
 *   REPLICA                Alice is a replica (11.3): her finish carries evidence over T1, and must, whoever has her key
 *   NO_REPLICA_EVIDENCE    the server does not look at it
 *   STALE_REPLICA_EVIDENCE it is not bound to T1
 *   ONLY_SECRECY, ONLY_AGREEMENT, ONLY_UKS, ONLY_CONFIRMATION   one property
 *   REACH                  the assertion that no two honest runs ever finish: it must be refuted, or the model is empty
 */

#define HOST_SHARE 4
#define HOST_KEM 2
#define BY_HOST 2

#define ALICE 0
#define BOB 1
#define EVE 2
#define TEE 0
#define ROGUE 1

#define IDLE 0
#define STARTED 1 /* client: hello sent; server: reply sent */
#define FINISHED 2 /* client: finish sent; server: finish accepted, the session exists */
#define CONFIRMED 3 /* client: the server's first record opened */

#if !defined(ONLY_SECRECY) && !defined(ONLY_AGREEMENT) && !defined(ONLY_UKS) && !defined(ONLY_CONFIRMATION) && !defined(REACH)
#define ONLY_SECRECY
#define ONLY_AGREEMENT
#define ONLY_UKS
#define ONLY_CONFIRMATION
#endif

#ifdef X25519_BROKEN
#define X_BROKEN true
#else
#define X_BROKEN false
#endif
#if defined(KEM_BROKEN) || defined(PAPER)
#define K_BROKEN true
#else
#define K_BROKEN false
#endif
#ifdef CLIENT_KEY_LEAKED
#define LEAKED(name) ((name) == ALICE)
#else
#define LEAKED(name) false
#endif

/* Whom the server's view is about. Evidence stands for a replica even when its key is no secret any more. */
#ifdef REPLICA
#define TRUSTED(name) ((name) != EVE)
#else
#define TRUSTED(name) ((name) != EVE && !LEAKED(name))
#endif

byte client_state[2], client_name[2], client_server[2], client_share[2], client_ct[2], client_by[2];
byte server_state[2], server_share[2], server_kem[2], server_peer[2];

/* Both runs have the same T1; in the paper's exchange, the same A and B. */
#ifdef PAPER
#define SAME(i, j) (server_state[j] >= STARTED && client_state[i] >= STARTED && server_share[j] == i && client_share[i] == 2 + j)
#else
#define SAME(i, j) (server_state[j] >= STARTED && client_state[i] >= STARTED && client_server[i] == TEE && server_share[j] == i && server_kem[j] == i && client_share[i] == 2 + j && client_ct[i] == j)
#endif

/* The host can compute the keys of this run: it has one of the two secrets of X25519 and one of the KEM. */
#define HOST_HAS_C(i) ((client_share[i] == HOST_SHARE || X_BROKEN) && (client_ct[i] == BY_HOST || K_BROKEN))
#define HOST_HAS_S(j) ((server_share[j] == HOST_SHARE || X_BROKEN) && (server_kem[j] == HOST_KEM || K_BROKEN))

/* What a client that waits for `share` and ciphertext `ct` would compare: the T1 that run j signed. */
#ifdef PAPER
#define SIGNED(j, i, share, ct) (server_state[j] >= STARTED && server_share[j] == i && share == 2 + j)
#else
#define SIGNED(j, i, share, ct) (server_state[j] >= STARTED && server_share[j] == i && server_kem[j] == i && share == 2 + j && ct == j)
#endif

/* The host can have this share by now. */
#define SEEN(share) (share == HOST_SHARE || (share < 2 && client_state[share % 2] >= STARTED) || (share >= 2 && server_state[share % 2] >= STARTED))
#define SIGNED_BY_ANY(i, share, ct) (SIGNED(0, i, share, ct) || SIGNED(1, i, share, ct))

/* 5.4, the checks of a client: the signature of the server that is meant, over this T1; the MAC; the evidence. */
#ifdef IDENTITY_KEY_LEAKED
#define HOST_SIGNS(i) true
#else
#define HOST_SIGNS(i) (client_server[i] == ROGUE)
#endif
#define SIGNATURE_GOOD(i, share, ct, by) ((by == BY_HOST && HOST_SIGNS(i)) || (by != BY_HOST && client_server[i] == TEE && SIGNED(by % 2, i, share, ct)))
#ifdef PAPER
#define MAC_GOOD(i, share, ct) true
#else
#define MAC_GOOD(i, share, ct) ((client_server[i] == TEE && SIGNED_BY_ANY(i, share, ct)) || ((share == HOST_SHARE || X_BROKEN) && (ct == BY_HOST || K_BROKEN)))
#endif
#if defined(PAPER) || defined(NO_EVIDENCE)
#define EVIDENCE_GOOD(i, share, ct) true
#elif defined(STALE_EVIDENCE)
#define EVIDENCE_GOOD(i, share, ct) (client_server[i] == ROGUE || server_state[0] >= STARTED || server_state[1] >= STARTED)
#else
/* The platform makes evidence for its own trusted application only, over the T1 that it is given. */
#define EVIDENCE_GOOD(i, share, ct) (client_server[i] == ROGUE || SIGNED_BY_ANY(i, share, ct))
#endif

/* 11.3: evidence of the replica's platform for run j. It makes it for its own trusted application only, over its T1. */
#define MADE_BY_REPLICA(i) (client_name[i] == ALICE && client_state[i] >= FINISHED)
#if !defined(REPLICA) || defined(NO_REPLICA_EVIDENCE)
#define HOST_HAS_EVIDENCE(j, name) true
#elif defined(STALE_REPLICA_EVIDENCE)
#define HOST_HAS_EVIDENCE(j, name) ((name) != ALICE || MADE_BY_REPLICA(0) || MADE_BY_REPLICA(1))
#else
#define HOST_HAS_EVIDENCE(j, name) ((name) != ALICE || (SAME(0, j) && MADE_BY_REPLICA(0)) || (SAME(1, j) && MADE_BY_REPLICA(1)))
#endif

/* 5.6: a finish of `name` that server run j takes. */
#if defined(PAPER) || defined(NO_CLIENT_BINDING)
/* A signature in the clear: an honest client's over this transcript, or Eve's, which needs no key of the session. */
#define SENT(i, j, name) (SAME(i, j) && client_state[i] >= FINISHED && client_name[i] == name)
#define HOST_MAKES(j, name) (name == EVE || LEAKED(name))
#else
/* A box of an honest client with the same keys and T2, or one that the host makes, which needs the keys and a signature. */
#define SENT(i, j, name) (SAME(i, j) && client_state[i] >= FINISHED && client_name[i] == name && client_by[i] == j)
#define HOST_MAKES(j, name) (HOST_HAS_S(j) && HOST_HAS_EVIDENCE(j, name) && (name == EVE || LEAKED(name) || (SENT(0, j, name) && HOST_HAS_C(0)) || (SENT(1, j, name) && HOST_HAS_C(1))))
#endif

/* One choice of a receiver each: taken only when everything about the message is in order. */
#define REPLY(x, c, b) :: SEEN(x) && (c == BY_HOST || (server_state[c % 2] >= STARTED && server_kem[c % 2] == i)) && SIGNATURE_GOOD(i, x, c, b) && MAC_GOOD(i, x, c) && EVIDENCE_GOOD(i, x, c) -> client_share[i] = x; client_ct[i] = c; client_by[i] = b
#define REPLIES(x) REPLY(x, 0, 0) REPLY(x, 0, 1) REPLY(x, 0, BY_HOST) REPLY(x, 1, 0) REPLY(x, 1, 1) REPLY(x, 1, BY_HOST) REPLY(x, BY_HOST, 0) REPLY(x, BY_HOST, 1) REPLY(x, BY_HOST, BY_HOST)
#define HELLO(x, c) :: SEEN(x) && (c == HOST_KEM || client_state[c % 2] >= STARTED) -> server_share[j] = x; server_kem[j] = c
#ifdef PAPER
#define HELLOS(x) HELLO(x, HOST_KEM)
#else
#define HELLOS(x) HELLO(x, 0) HELLO(x, 1) HELLO(x, HOST_KEM)
#endif
#define FINISH(name) :: SENT(0, j, name) || SENT(1, j, name) || HOST_MAKES(j, name) -> server_peer[j] = name

inline say_share(share) {
  if
  :: share == 0 -> printf("A0")
  :: share == 1 -> printf("A1")
  :: share == 2 -> printf("B0")
  :: share == 3 -> printf("B1")
  :: share == HOST_SHARE -> printf("E")
  fi
}

inline say_name(name) {
  if
  :: name == ALICE -> printf("Alice")
  :: name == BOB -> printf("Bob")
  :: name == EVE -> printf("Eve")
  fi
}

#define REFUTED(what) printf(what); assert(false)

/* Asserted after every step. */
inline check() {
  d_step {
#ifdef ONLY_SECRECY
    k = 0;
    do
    :: k < 2 ->
      if
      :: client_state[k] >= FINISHED && client_server[k] == TEE && HOST_HAS_C(k) -> REFUTED("refuted: secrecy, a client's key\n")
      :: else
      fi;
      if
      :: server_state[k] == FINISHED && TRUSTED(server_peer[k]) && HOST_HAS_S(k) -> REFUTED("refuted: secrecy, the server's key\n")
      :: else
      fi;
      k++
    :: else -> break
    od;
#endif
#ifdef ONLY_CONFIRMATION
    k = 0;
    do
    :: k < 2 ->
      /* A client that is done: the server has the key and has accepted. */
      if
      :: client_state[k] == CONFIRMED && client_server[k] == TEE && !(SAME(k, 0) && server_state[0] == FINISHED) && !(SAME(k, 1) && server_state[1] == FINISHED) -> REFUTED("refuted: key confirmation\n")
      :: else
      fi;
      k++
    :: else -> break
    od;
#endif
#ifdef ONLY_AGREEMENT
    k = 0;
    do
    :: k < 2 ->
      /* The client's view: a run of the server with the same transcript. */
      if
      :: client_state[k] >= FINISHED && client_server[k] == TEE && !SAME(k, 0) && !SAME(k, 1) -> REFUTED("refuted: agreement, the client's view\n")
      :: else
      fi;
      /* The server's view: exactly one run of the client it names, meant for this server, with the same transcript. */
      if
      :: server_state[k] == FINISHED && TRUSTED(server_peer[k]) &&
        !(SAME(0, k) && client_server[0] == TEE && client_state[0] >= FINISHED && client_name[0] == server_peer[k]) &&
        !(SAME(1, k) && client_server[1] == TEE && client_state[1] >= FINISHED && client_name[1] == server_peer[k]) -> REFUTED("refuted: agreement, the server's view\n")
      :: else
      fi;
      if
      :: server_state[0] == FINISHED && server_state[1] == FINISHED && SAME(k, 0) && SAME(k, 1) -> REFUTED("refuted: agreement, one to one\n")
      :: else
      fi;
      k++
    :: else -> break
    od;
#endif
#ifdef ONLY_UKS
    k = 0;
    do
    :: k < 4 ->
      /* Whoever shares a key names each other. */
      if
      :: client_state[k % 2] >= FINISHED && server_state[k / 2] == FINISHED && SAME(k % 2, k / 2) &&
        (server_peer[k / 2] != client_name[k % 2] || client_server[k % 2] != TEE) -> REFUTED("refuted: no unknown key share\n")
      :: else
      fi;
      k++
    :: else -> break
    od;
#endif
#ifdef REACH
    if
    :: client_state[0] == CONFIRMED && client_state[1] == CONFIRMED && client_server[0] == TEE && client_server[1] == TEE && client_name[0] != client_name[1] -> REFUTED("refuted: nothing ever finishes\n")
    :: else
    fi;
#endif
    k = 0
  }
}

proctype Client(byte i) {
  byte k;

  atomic {
    if
    :: client_name[i] = ALICE
    :: client_name[i] = BOB
    fi;
    if
    :: client_server[i] = TEE
    :: client_server[i] = ROGUE
    fi;
    client_state[i] = STARTED;
    say_name(client_name[i]);
    if
    :: client_server[i] == TEE -> printf(" starts with Server: ")
    :: else -> printf(" starts with Rogue: ")
    fi;
    say_share(i); printf("\n")
  }

  /* 5.4: the reply. Any share that was sent so far, or the host's; any ciphertext that this client's key opens. */
  atomic {
    if
    REPLIES(0) REPLIES(1) REPLIES(2) REPLIES(3) REPLIES(HOST_SHARE)
    fi;
    client_state[i] = FINISHED;
    say_name(client_name[i]); printf(" takes the reply with "); say_share(client_share[i]); printf(", signed by ");
    if
    :: client_server[i] == ROGUE -> printf("Rogue")
    :: client_server[i] == TEE && client_by[i] == BY_HOST -> printf("the host with Server's key")
    :: else -> printf("Server")
    fi;
    printf(", and sends the finish\n");
    check()
  }

  /* 5.6: the first record. The paper's exchange has none: the client is done. */
  atomic {
#ifndef PAPER
    (SAME(i, 0) && server_state[0] == FINISHED) || (SAME(i, 1) && server_state[1] == FINISHED) || HOST_HAS_C(i) ->
#endif
    client_state[i] = CONFIRMED;
    say_name(client_name[i]); printf(" is done: shares a key with ");
    if
    :: client_server[i] == TEE -> printf("Server\n")
    :: else -> printf("Rogue\n")
    fi;
    check()
  }
}

proctype Server(byte j) {
  byte k;

  /* 5.2: a hello. Any share and KEM key that were sent so far, or the host's. */
  atomic {
    if
    HELLOS(0) HELLOS(1) HELLOS(2) HELLOS(3) HELLOS(HOST_SHARE)
    fi;
    server_state[j] = STARTED;
    printf("Server takes "); say_share(server_share[j]); printf(" and replies "); say_share(2 + j);
    printf(", signed\n");
  }

  /* 5.6: a finish */
  atomic {
    if
    FINISH(ALICE) FINISH(BOB) FINISH(EVE)
    fi;
    server_state[j] = FINISHED;
    printf("Server takes a finish of "); say_name(server_peer[j]); printf(" for "); say_share(server_share[j]); printf(" and ");
    say_share(2 + j); printf(": shares a key with "); say_name(server_peer[j]); printf("\n");
    check()
  }
}

init {
  atomic {
    run Client(0);
    run Client(1);
    run Server(0);
    run Server(1)
  }
}
