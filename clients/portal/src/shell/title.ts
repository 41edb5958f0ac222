/**
 * Title of the page: what is shown, then the product.
 *
 * @module
 */
import { useEffect } from 'react'

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · TrustHealth`
  }, [title])
}
