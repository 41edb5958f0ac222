/**
 * The normal world of two record servers of which one follows the other: carries what their trusted applications tell each
 * other, and a copy of the store. Both ends are sealed; the hosts read nothing and decide nothing.
 * Spec: docs/protocol/11-replica.md.
 *
 * @module
 */
export { operatorOnly, registerReplicaApi, type ReplicaApi } from './replica-api.ts'
export { startFollowing, type Following, type FollowingStatus } from './following.ts'
