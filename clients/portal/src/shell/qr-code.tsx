/**
 * A QR code as one path; whoever cannot see it has the characters beside it.
 *
 * @module
 */
import type { ReactNode } from 'react'
import { encodeQR } from 'qr'

/** A code with more characters needs more to be read by a camera. */
const PIXELS = 208

interface QrCodeProps {
  readonly text: string
  readonly label: string
  readonly pixels?: number
}

export function QrCode({ text, label, pixels = PIXELS }: QrCodeProps): ReactNode {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: 2 })
  const size = rows.length
  const path = rows.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return (
    <svg className="th-qr" width={pixels} height={pixels} viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" shapeRendering="crispEdges" />
    </svg>
  )
}
