/*
 * Endorsed reads (docs/protocol/07-ledger.md, 7.5, and 08-access.md, 8.2): the trusted application asks three ledger
 * nodes through a host that carries, keeps, repeats and mixes every question and answer. One node (NODES - 1) is
 * dishonest: it signs whatever the host likes. A permission is revoked at some moment; an honest node applies the block
 * some time later. What is left out: docs/protocol/model/README.md.
 *
 * Two requests arrive at any time. A round of questions has a fresh nonce; requests that arrive while a round is under way
 * wait for the next one. A request may carry a minimum height, that of the revocation.
 *
 * An answer is (node, nonce, patient, height, result), signed: the host has those that were given, and all of the dishonest node.
 *
 * Properties:
 *   revoked means refused: a request that arrived when all honest nodes had applied the revocation is refused
 *   minimum height: a request that demands the height of the revocation is refused, whatever honest nodes lag behind
 *   one more thing the host cannot do: a request that arrives before the revocation is never refused for it, unless the
 *     revocation was made before the round was answered (nothing is invented)
 *
 * Variants (-D…): NO_NONCE (old answers count), SHARED_ROUND (a request joins the round that is under way), NO_QUESTION
 * (an answer about another patient counts), QUORUM=1, NO_HEIGHT (the minimum is not compared), REACH (nothing is ever
 * answered: must be refuted).
 */

#ifndef QUORUM
#define QUORUM 2
#endif
#define NODES 3
#define ROUNDS 3
#define REQUESTS 2

#define ALLOWED 0
#define REVOKED 1

/* Requests: */
#define AWAY 0
#define WAITING 1 /* arrived, in no round yet */
#define ASKED 2 /* its round is under way */
#define DONE 3

#define REFUTED(what) printf(what); assert(false)

bool isRevoked; /* on the ledger */
bool applied[2]; /* by an honest node */

/* What an honest node has signed: given[round * 4 + node * 2 + patient]: a bit for height 0 and one for height 1. Patient 0 is the one of the requests; patient 1 is never revoked. */
byte given[12];

byte rounds; /* started so far; the nonce of the round under way is rounds - 1 */
bool isUnderWay;

byte state[REQUESTS];
bool wasApplied[REQUESTS]; /* all honest nodes had applied the revocation when the request arrived */
bool demands[REQUESTS]; /* the request carries the height of the revocation */
bool isRefused[REQUESTS];

#define ALL_APPLIED (applied[0] && applied[1])

proctype Ledger() {
  atomic { !isRevoked -> isRevoked = true; printf("the permission is revoked\n") }
}

proctype Node(byte n) {
  /* Applies the block whenever it likes. */
  atomic { isRevoked -> applied[n] = true; printf("node %d applies the revocation\n", n) }
}

/* The host brings a question, with any nonce that it has seen, to an honest node. */
proctype Asker(byte n) {
  byte nonce, patient;
  do
  :: atomic {
      rounds > 0 ->
      nonce = 0;
      patient = 0;
      if
      :: nonce = 0
      :: rounds > 1 -> nonce = 1
      :: rounds > 2 -> nonce = 2
      fi;
      if
      :: patient = 0
      :: patient = 1
      fi;
      /* Height tells which state; the result for patient 0 follows from it, for patient 1 it is always ALLOWED. */
      if
      :: applied[n] -> given[nonce * 4 + n * 2 + patient] = given[nonce * 4 + n * 2 + patient] | 2
      :: else -> given[nonce * 4 + n * 2 + patient] = given[nonce * 4 + n * 2 + patient] | 1
      fi;
      printf("node %d answers nonce %d about patient %d, height %d\n", n, nonce, patient, applied[n]);
      nonce = 0;
      patient = 0
    }
  od
}

proctype Client(byte r) {
  atomic {
    state[r] == AWAY ->
    if
    :: demands[r] = true
    :: demands[r] = false
    fi;
    /* It can name the height of the revocation only when there is one. */
    demands[r] = demands[r] && isRevoked;
    wasApplied[r] = ALL_APPLIED;
    state[r] = WAITING;
    printf("request %d arrives", r);
    if
    :: wasApplied[r] -> printf(", the honest nodes have applied the revocation")
    :: else
    fi;
    if
    :: demands[r] -> printf(", with the height of the revocation\n")
    :: else -> printf("\n")
    fi
#ifdef SHARED_ROUND
    ;
    if
    :: isUnderWay -> state[r] = ASKED
    :: else
    fi
#endif
  }
}

/* Whether the host has an answer of honest node n that counts: for nonce, patient 0 (or any), height h. */
#ifdef NO_NONCE
#define NONCES(n, p, bit) (((given[n * 2 + p] | given[4 + n * 2 + p] | given[8 + n * 2 + p]) & bit) != 0)
#else
#define NONCES(n, p, bit) ((given[(rounds - 1) * 4 + n * 2 + p] & bit) != 0)
#endif
#ifdef NO_QUESTION
#define SAYS_ALLOWED_0(n) (NONCES(n, 0, 1) || NONCES(n, 1, 1))
#define SAYS_ALLOWED_1(n) NONCES(n, 1, 2)
#else
#define SAYS_ALLOWED_0(n) NONCES(n, 0, 1)
#define SAYS_ALLOWED_1(n) false
#endif
#define SAYS_REVOKED(n) NONCES(n, 0, 2)

/* The least height that the round demands: the highest of its requests. */
#ifdef NO_HEIGHT
#define DEMANDED false
#else
#define DEMANDED ((state[0] == ASKED && demands[0]) || (state[1] == ASKED && demands[1]))
#endif
#define COUNTS_ALLOWED(n) (SAYS_ALLOWED_1(n) || (!(DEMANDED) && SAYS_ALLOWED_0(n)))
#define AGREE_ALLOWED ((COUNTS_ALLOWED(0) -> 1 : 0) + (COUNTS_ALLOWED(1) -> 1 : 0) + 1 >= QUORUM)
#define AGREE_REVOKED ((SAYS_REVOKED(0) -> 1 : 0) + (SAYS_REVOKED(1) -> 1 : 0) + 1 >= QUORUM)

/* Gives every request of the round its decision, and looks at it. */
inline decide(answer) {
  r = 0;
  do
  :: r < REQUESTS ->
    if
    :: state[r] == ASKED ->
      state[r] = DONE;
      isRefused[r] = (answer == REVOKED);
      if
      :: answer == REVOKED -> printf("request %d is refused\n", r)
      :: else -> printf("request %d is allowed\n", r)
      fi;
      if
      :: answer == ALLOWED && wasApplied[r] -> REFUTED("refuted: revoked means refused\n")
      :: else
      fi;
      if
      :: answer == ALLOWED && demands[r] -> REFUTED("refuted: minimum height\n")
      :: else
      fi;
      if
      :: QUORUM > 1 && answer == REVOKED && !isRevoked -> REFUTED("refuted: nothing is invented\n")
      :: else
      fi
    :: else
    fi;
    r++
  :: else -> break
  od;
  r = 0;
#ifdef REACH
  if
  :: state[0] == DONE && state[1] == DONE && isRefused[0] != isRefused[1] -> REFUTED("refuted: nothing is ever answered\n")
  :: else
  fi;
#endif
  isUnderWay = false
}

proctype Application() {
  byte r;
  do
  :: atomic {
      /* 8.2: the nonce is made after the requests of the round arrived. */
      !isUnderWay && rounds < ROUNDS && (state[0] == WAITING || state[1] == WAITING) ->
      r = 0;
      do
      :: r < REQUESTS ->
        if
        :: state[r] == WAITING -> state[r] = ASKED
        :: else
        fi;
        r++
      :: else -> break
      od;
      r = 0;
      rounds++;
      isUnderWay = true;
      printf("the application asks with nonce %d\n", rounds - 1)
    }
  :: atomic { isUnderWay && AGREE_ALLOWED -> printf("a quorum says allowed\n"); decide(ALLOWED) }
  :: atomic { isUnderWay && AGREE_REVOKED -> printf("a quorum says revoked\n"); decide(REVOKED) }
  od
}

init {
  atomic {
    run Ledger();
    run Node(0);
    run Node(1);
    run Asker(0);
    run Asker(1);
    run Client(0);
    run Client(1);
    run Application()
  }
}
